"""Make what every page has alike: its frame, shapes, forms, times, errors and streams of changes."""
