"""Stories: each a short script in no language, played alike on every channel (tests/scenarios/play.py)."""
