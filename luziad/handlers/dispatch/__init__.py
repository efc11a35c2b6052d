"""The request `dispatch`, and what it must satisfy: one file for each part of a dispatch that is validated."""
