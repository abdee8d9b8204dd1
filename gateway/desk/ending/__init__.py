"""End threads by their clock, with the work that is left without a purpose; forget them when their time is over."""
