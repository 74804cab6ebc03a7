"""Deployments as Nebius has them: made of a job's checkpoint, ready after a while, there until they are taken away."""

from __future__ import annotations

from typing import Any

from aiohttp import web


def deployment_routes(deployments: dict[str, dict[str, Any]]) -> list[web.RouteDef]:
    """The routes of the service's models endpoint; `deployments` holds what there is, by name."""

    async def deploy(request: web.Request) -> web.Response:
        body = await request.json()
        name = f"{body['base_model']}-LoRa:{body['name']}"
        deployments[name] = {**body, "name": name, "status": "validating"}
        return web.json_response(deployments[name])

    async def deployment(request: web.Request) -> web.Response:
        found = deployments.get(request.match_info["name"])
        if found is None:
            return web.json_response({"detail": "not found"}, status=404)
        answer = dict(found)
        found["status"] = {"validating": "loading", "loading": "active"}.get(found["status"], found["status"])
        return web.json_response(answer)

    async def undeploy(request: web.Request) -> web.Response:
        if deployments.pop(request.match_info["name"], None) is None:
            return web.json_response({"detail": "not found"}, status=404)
        return web.json_response({})

    at = "/v0/models"
    return [web.post(at, deploy), web.get(f"{at}/{{name}}", deployment), web.delete(f"{at}/{{name}}", undeploy)]
