"""Define the values that logs keep and compare: day accounts, retention, witnessed heads."""
