"""Deploys small functions to a control plane: image pushed to its ECR, role, CreateFunction."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.aws import Aws
from scripts.image.layer import make_layer, sha256_digest, tree
from scripts.image.registry import Repository
from scripts.settings import PROJECT_ROOT

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
_VPC_ACCESS = "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
RIC = PROJECT_ROOT / "container" / "node_modules" / "aws-lambda-ric"
BEHAVIOURS = Path(__file__).parent / "functions" / "behaviours.mjs"


@dataclass
class Deployment:
    """What a test deployed, so that it can be removed again."""

    aws: Aws
    endpoint: str
    repositories: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)

    def image(self, files: Mapping[str, Path] | None = None) -> str:
        """Push an image with the behaviours function (or `files`) in /var/task; its URI by digest."""
        name = f"lambda-test-{uuid.uuid4().hex[:8]}"
        ecr = self.aws.client("ecr")
        url = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
        self.repositories.append(name)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        content: dict[str, Any] = {
            **tree(RIC / "bin", "/var/task/node_modules/aws-lambda-ric/bin"),
            **tree(RIC / "dist", "/var/task/node_modules/aws-lambda-ric/dist"),
            "/var/task/node_modules/aws-lambda-ric/package.json": RIC / "package.json",
        }
        layer = make_layer({**content, **(files or {"/var/task/behaviours.mjs": BEHAVIOURS})})
        config = json.dumps(
            {
                "os": "linux",
                "architecture": "amd64",
                "config": {
                    "Entrypoint": ["node", "/var/task/node_modules/aws-lambda-ric/bin/index.mjs"],
                    "Cmd": ["behaviours.handler"],
                    "Env": ["FROM_IMAGE=image", "OVERRIDDEN=image"],
                    "WorkingDir": "/var/task",
                },
                "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": _descriptor("application/vnd.docker.container.image.v1+json", config),
                "layers": [_descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layer.blob)],
            }
        ).encode()
        host, _, _ = url.partition("/")
        with (
            Repository(self.endpoint, host, name, f"Basic {token}") as repository,
            tempfile.NamedTemporaryFile() as file,
        ):
            for blob in (layer.blob, config):
                file.seek(0)
                file.truncate()
                file.write(blob)
                file.flush()
                repository.upload(sha256_digest(blob), Path(file.name))
            repository.put_manifest("test", manifest, MANIFEST_TYPE)
        return f"{url}@{sha256_digest(manifest)}"

    def function(
        self, image_uri: str, *, name: str = "", variables: Mapping[str, str] | None = None, **more: Any
    ) -> str:
        """Create a function and wait until it is Active; its ARN."""
        unique = f"lambda-test-{uuid.uuid4().hex[:8]}"
        name = name or unique
        role = self.aws.client("iam").create_role(
            RoleName=unique, AssumeRolePolicyDocument=json.dumps(_TRUST)
        )
        self.roles.append(unique)
        if "VpcConfig" in more:
            self.aws.client("iam").attach_role_policy(RoleName=unique, PolicyArn=_VPC_ACCESS)
        client = self.aws.client("lambda")
        settings: dict[str, Any] = {"MemorySize": 512, "Timeout": 10, **more}
        arn = client.create_function(
            FunctionName=name,
            PackageType="Image",
            Code={"ImageUri": image_uri},
            Role=role["Role"]["Arn"],
            Environment={"Variables": dict(variables or {})},
            **settings,
        )["FunctionArn"]
        self.functions.append(name)
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return str(arn)

    def remove(self) -> None:
        """Delete everything."""
        for name in self.functions:
            self.aws.client("lambda").delete_function(FunctionName=name)
        for name in self.roles:
            attached = self.aws.client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            for policy in attached:
                self.aws.client("iam").detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            self.aws.client("iam").delete_role(RoleName=name)
        for name in self.repositories:
            self.aws.client("ecr").delete_repository(repositoryName=name, force=True)


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(content), "digest": sha256_digest(content)}
