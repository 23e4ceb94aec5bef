"""Lesson 11: who teaches: a crowd, a peer, one's own former or deeper self."""
