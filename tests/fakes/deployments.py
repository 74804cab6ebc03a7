"""Deployments as Nebius and Azure have them: made once asked, ready after a while, there until they are taken away."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

Fault = Callable[[web.Request], Any]


class FakeDeployments:
    """Both services' routes. `nebius` and `azure` hold what there is, by name."""

    def __init__(self) -> None:
        self.nebius: dict[str, dict[str, Any]] = {}
        self.azure: dict[str, dict[str, Any]] = {}
        self.sent: list[tuple[str, str, Any]] = []
        """(verb, path with query, body) of every request about deployments."""
        self.after_made: deque[Fault] = deque()
        """What the answer to a creation becomes after the deployment was really made."""
        self.after_gone: deque[Fault] = deque()
        """What the answer to a deletion becomes after it was really taken away."""
        self.letters = "-udpd"
        """What Nebius puts behind a name that it is given."""
        self.deletes = True
        """Whether a deletion at Azure that was accepted is ever carried out."""
        self.late = False
        """Whether what was made is not shown yet to who looks for it."""
        self.account = "a"

    def routes(self) -> list[web.RouteDef]:
        at, arm = "/v0/models", "/subscriptions/{rest:.*}"
        return [
            web.get(at, self._list),
            web.post(at, self._deploy),
            web.get(f"{at}/{{name}}", self._look),
            web.delete(f"{at}/{{name}}", self._undeploy),
            web.route("*", arm, self._manage),
        ]

    def verbs(self) -> list[str]:
        """What was done, in order."""
        return [verb for verb, _, _ in self.sent]

    async def _note(self, request: web.Request) -> Any:
        body = await request.json() if request.can_read_body else None
        self.sent.append((request.method, request.path_qs, body))
        return body

    async def _list(self, request: web.Request) -> web.Response:
        """As its documentation has it: by job and checkpoint, without the `source` that a creation names."""
        await self._note(request)
        listed = []
        for name, made in ({} if self.late else self.nebius).items():
            job, _, checkpoint = made["source"].partition(":")
            listed.append({"name": name, "status": made["status"], "job_id": job, "checkpoint_id": checkpoint})
        return web.json_response(listed)

    async def _deploy(self, request: web.Request) -> Any:
        body = await self._note(request)
        name = f"{body['base_model']}-LoRa:{body['name']}{self.letters}"
        self.nebius[name] = {**body, "name": name, "status": "validating"}
        if self.after_made:
            return await self.after_made.popleft()(request)
        return web.json_response(self.nebius[name])

    async def _look(self, request: web.Request) -> web.Response:
        await self._note(request)
        found = self.nebius.get(request.match_info["name"])
        if found is None:
            return web.json_response({"detail": "not found"}, status=404)
        answer = dict(found)
        found["status"] = {"validating": "loading", "loading": "active"}.get(found["status"], found["status"])
        return web.json_response(answer)

    async def _undeploy(self, request: web.Request) -> Any:
        await self._note(request)
        if self.nebius.pop(request.match_info["name"], None) is None:
            return web.json_response({"detail": "not found"}, status=404)
        if self.after_gone:
            return await self.after_gone.popleft()(request)
        return web.json_response({})

    async def _manage(self, request: web.Request) -> Any:
        body = await self._note(request)
        account, _, name = request.path.partition("/accounts/")[2].partition("/deployments/")
        if account != self.account:
            text = f"The Resource 'Microsoft.CognitiveServices/accounts/{account}' was not found."
            return web.json_response({"error": {"code": "ResourceNotFound", "message": text}}, status=404)
        if request.method == "PUT":
            self.azure[name] = {"state": "Creating", **body["properties"]}
            if self.after_made:
                return await self.after_made.popleft()(request)
            return web.json_response(_azure(name, self.azure[name]), status=201)
        if request.method == "DELETE":
            if name not in self.azure:
                return web.Response(status=204)
            self.azure[name]["state"] = "Deleting"
            if self.after_gone:
                return await self.after_gone.popleft()(request)
            return web.Response(status=202)
        if name not in self.azure or self.late:
            text = f"The Resource 'Microsoft.CognitiveServices/accounts/{account}/deployments/{name}' was not found."
            return web.json_response({"error": {"code": "ResourceNotFound", "message": text}}, status=404)
        answer = _azure(name, self.azure[name])
        match self.azure[name]["state"]:
            case "Deleting" if self.deletes:
                del self.azure[name]
            case "Creating":
                self.azure[name]["state"] = "Succeeded"
        return web.json_response(answer)


def _azure(name: str, made: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "properties": {"provisioningState": made["state"], "model": made["model"]}}
