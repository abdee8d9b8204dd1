"""Write the console's fonts and the map's outline from packages of npm, which running and testing do not need."""
