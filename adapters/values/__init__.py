"""Read single values of agency systems: cells, character sets, dates, countries, and the named converters."""
