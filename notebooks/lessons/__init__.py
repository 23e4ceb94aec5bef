"""One home for each lesson, with all that only its notebook needs.

A lesson may use all of kdlab, and no other lesson; nobody imports a lesson.
"""
