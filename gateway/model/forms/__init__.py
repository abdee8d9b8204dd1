"""Bring what people write in several ways to one form: figures, telephones, plates, vessels, cards of Myanmar."""
