"""Names of the metrics that functions write and alarms watch."""

from __future__ import annotations

CHAMPION_REFUSED = "ChampionRefused"
DRIFT_SHARE = "DriftShare"
F1_UPPER_BOUND = "F1UpperBound"
POSTS_QUARANTINED = "PostsQuarantined"
POSTS_READ = "PostsRead"
SERVER_ERRORS = "ServerErrors"
UNFINISHED_BATCHES = "UnfinishedBatches"
WINDOW_POSTS = "WindowPosts"
