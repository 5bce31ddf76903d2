"""From typed definitions to programs: flat lists of typed statements that any backend can print."""
