"""Say who works at the desks: persons with their training, and duty lists, from tables or officer tokens."""
