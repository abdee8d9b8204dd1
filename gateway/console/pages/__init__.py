"""The pages, one module each: its view model, and the handlers that make it."""
