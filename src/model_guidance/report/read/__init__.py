"""What finished runs scored, as tables to be shown."""
