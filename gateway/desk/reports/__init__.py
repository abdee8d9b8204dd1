"""Write reports on methods and routes, send them to all who may have them, and find those of everybody."""
