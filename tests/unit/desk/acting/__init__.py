"""Test what every act of a person at the desk takes."""
