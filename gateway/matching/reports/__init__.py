"""Match reports on methods and routes with what is asked for, by their words, codes, places and months."""
