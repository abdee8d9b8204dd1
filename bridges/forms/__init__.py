"""Printable forms for a national central bureau, filled from an alert of our own country."""
