"""The API document, OpenAPI 3.1: made from the functions' routes, for people and for tests.

Nothing here is deployed, and no function imports it.
"""
