"""The one form of what people write in several ways: figures, registration cards of Myanmar, plates, vessels."""
