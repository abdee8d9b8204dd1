"""Count what the desk's threads show in a month: for ministers, and for a meeting of two border offices."""
