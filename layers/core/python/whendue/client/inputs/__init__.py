"""What is sent: jobs, workflows, schedules, profiles and subscriptions, as the API names their fields.

Start with `jobs`. Imports the models of the client and below.
"""
