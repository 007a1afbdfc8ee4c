"""Hostile briefs and hostile answers through the whole path: nothing crashes, nothing is lost, nothing gets out."""
