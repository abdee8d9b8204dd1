"""The demo: a federation of three countries on one machine, and the invented databases it asks."""

from gateway.demo.play import run

__all__ = ["run"]
