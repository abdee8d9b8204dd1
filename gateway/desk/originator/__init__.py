"""Let originators control what they gave: who holds copies, changes that reach each holder, and their end."""
