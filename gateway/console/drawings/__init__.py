"""Draw maps and graphs of links as SVG on the server: coordinates from values, no script, no service of tiles."""
