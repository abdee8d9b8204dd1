"""Make what every page has alike: its frame, shapes, forms, times, errors and streams of changes.

Labels, limits and hints of what people hand in come from its form (`gateway.model.handed`).
"""
