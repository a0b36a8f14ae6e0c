"""The API document, OpenAPI 3.1, and the schemas of events: made from the functions' code, for
people and for tests.

Nothing here is deployed, and no function imports it.
"""
