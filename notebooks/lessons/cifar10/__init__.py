"""Lesson 06: colour pictures, where a better teacher may teach less."""
