"""A URI in, files out and in: one door to local folders and S3, with retries and errors that name the fix. Knows nothing of
what is in a file.

store · local · s3 · download · retries · failures
"""
