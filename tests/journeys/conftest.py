"""Journeys wait longer than the five seconds of a page test: workers do part of the way."""

from playwright.sync_api import expect

expect.set_options(timeout=20_000)
