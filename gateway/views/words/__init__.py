"""Put codes, reasons and foreign text into words that people can read, for all views."""
