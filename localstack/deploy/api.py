"""The HTTP front: an HTTP API (payload 2.0), or a REST API where there is no other (LocalStack without a licence)."""

from typing import Any

from localstack.deploy.clients import ACCOUNT, Clients
from localstack.deploy.triggers import allow
from localstack.stack import REGION
from localstack.topology import Api


def deploy_api(clients: Clients, prefix: str, function: str, flavor: str, plan: Api) -> str:
    """Put a function behind HTTP; return the URL without a trailing slash."""
    arn = clients.functions.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    api_id, url = (
        _http(clients, prefix, arn, plan.stage) if flavor == "http" else _rest(clients, prefix, arn, plan.rest_stage)
    )
    allow(clients, function, "apigateway.amazonaws.com", f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api_id}/*")
    return url


def _http(clients: Clients, name: str, function_arn: str, stage: str) -> tuple[str, str]:
    apis = clients.http_apis
    found = [api for api in apis.get_apis()["Items"] if api["Name"] == name]
    api_id = found[0]["ApiId"] if found else apis.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    proxy = {"IntegrationType": "AWS_PROXY", "IntegrationUri": function_arn, "PayloadFormatVersion": "2.0"}
    integrations = apis.get_integrations(ApiId=api_id)["Items"] or [apis.create_integration(ApiId=api_id, **proxy)]
    if not apis.get_routes(ApiId=api_id)["Items"]:
        target = f"integrations/{integrations[0]['IntegrationId']}"
        apis.create_route(ApiId=api_id, RouteKey="$default", Target=target)
    if not apis.get_stages(ApiId=api_id)["Items"]:
        apis.create_stage(ApiId=api_id, StageName=stage, AutoDeploy=True)
    return api_id, f"{clients.endpoint_url}/_aws/execute-api/{api_id}/{stage}"


def _rest(clients: Clients, name: str, function_arn: str, stage: str) -> tuple[str, str]:
    apis = clients.rest_apis
    found = [api for api in apis.get_rest_apis(limit=500)["items"] if api["name"] == name]
    api_id = found[0]["id"] if found else apis.create_rest_api(name=name)["id"]
    resources = {
        resource["path"]: resource["id"] for resource in apis.get_resources(restApiId=api_id, limit=500)["items"]
    }
    if "/{proxy+}" not in resources:
        made = apis.create_resource(restApiId=api_id, parentId=resources["/"], pathPart="{proxy+}")
        resources["/{proxy+}"] = made["id"]
        for resource in resources.values():
            _any_method(apis, api_id, resource, function_arn)
    if stage not in {deployed["stageName"] for deployed in apis.get_stages(restApiId=api_id)["item"]}:
        apis.create_deployment(restApiId=api_id, stageName=stage)
    return api_id, f"{clients.endpoint_url}/_aws/execute-api/{api_id}/{stage}"


def _any_method(apis: Any, api_id: str, resource: str, function_arn: str) -> None:
    target = {"restApiId": api_id, "resourceId": resource, "httpMethod": "ANY"}
    apis.put_method(**target, authorizationType="NONE")
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function_arn}/invocations"
    apis.put_integration(**target, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
