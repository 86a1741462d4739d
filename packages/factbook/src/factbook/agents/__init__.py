"""Tools for agents, over the Model Context Protocol: a face on the HTTP API, in this process or elsewhere.

A tool asks the API as the agent's own token would, so that whatever the API refuses, bounds or hides is refused, bounded and hidden here.
"""

from factbook.agents.asking import Answer, Ask, AskHere, AskThere, Caller, Question
from factbook.agents.server import build_server

__all__ = ["Answer", "Ask", "AskHere", "AskThere", "Caller", "Question", "build_server"]
