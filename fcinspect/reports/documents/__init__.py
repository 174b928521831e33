"""The JSON documents as types, one file for each command or group of commands."""
