"""Values that logs keep and compare: day accounts, retention, witnessed heads."""
