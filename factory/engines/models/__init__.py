"""A model's name in, a local folder of its files and their digest out: bundled, hub, folder or s3://. Loads no model.

resolve · bundled · cache
"""
