"""Put together the parts of the desk, one module for each subject."""
