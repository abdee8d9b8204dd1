"""Run operations of several members: a room in code, whose parts are one thread between each two members."""
