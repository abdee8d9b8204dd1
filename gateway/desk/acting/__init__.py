"""Hold what every act of a person at the desk takes: who acts with which parts, what she may read, and that it is done once."""
