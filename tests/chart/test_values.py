"""Values that are wrong are refused, and the refusal says where."""

import pytest

from chart.renders import DATABASE, Refused, objects

WRONG = [
    ("controllers.replicas=2", "additional properties 'controllers' not allowed"),
    ("controller.replica=2", "at '/controller': additional properties 'replica' not allowed"),
    ("controller.replicas=many", "at '/controller/replicas': got string, want integer"),
    ("controller.replicas=-1", "at '/controller/replicas': minimum: got -1, want 0"),
    ("controller.image.digest=latest", "at '/controller/image/digest'"),
    ("controller.resync=1d", "at '/controller/resync'"),
    ("crds.keep=yes", "at '/crds/keep': got string, want boolean"),
    ("fullnameOverride=2nd", "at '/fullnameOverride'"),
    ("log.level=loud", "at '/log/level': value must be one of 'debug', 'info', 'warn', 'error'"),
    ("nats.url=", "at '/nats/url'"),
    ("nats.url=http://nats", "at '/nats/url'"),
    ("nats.url=nats://user:secret@nats:4222", "at '/nats/url'"),
    ('relay.databases=[{"name": "app"}]', "missing property 'existingSecret'"),
    ('relay.databases=[{"existingSecret": "app"}]', "missing property 'name'"),
    ('relay.databases=[{"name": "App", "existingSecret": "app"}]', "at '/relay/databases/0/name'"),
    (
        'relay.databases=[{"name": "a", "existingSecret": "b", "uri": "c"}]',
        "properties 'uri' not allowed",
    ),
    ("relay.autoscaling.mode=Auto", "at '/relay/autoscaling/mode'"),
    ("relay.onPublished=drop", "at '/relay/onPublished'"),
    ("test.tenant=Acme", "at '/test/tenant'"),
    ("admissionPolicies.crdGuard.actions={Deny,Panic}", "'/admissionPolicies/crdGuard/actions/1'"),
]


@pytest.mark.parametrize(("setting", "complaint"), WRONG, ids=[setting for setting, _ in WRONG])
@pytest.mark.parametrize("helm", ["helm", "helm3"])
def test_a_wrong_value_is_refused_with_its_path(helm: str, setting: str, complaint: str) -> None:
    with pytest.raises(Refused) as refusal:
        objects(setting, helm=helm)
    assert complaint in str(refusal.value)


def test_several_controllers_need_a_leader() -> None:
    with pytest.raises(Refused, match=r"needs controller\.leaderElection\.enabled=true"):
        objects("controller.replicas=2", "controller.leaderElection.enabled=false")


def test_a_client_certificate_needs_its_key() -> None:
    with pytest.raises(Refused, match=r"nats\.tls\.keyKey must be set"):
        objects("nats.tls.existingSecret=tls", "nats.tls.certKey=tls.crt")


def test_a_webhook_needs_its_secret_and_its_templates() -> None:
    with pytest.raises(Refused, match=r"provisioner\.templates or provisioner\.existingTemplates"):
        objects("provisioner.enabled=true")
    with pytest.raises(Refused, match=r"provisioner\.existingSecret must name the Secret"):
        objects("provisioner.enabled=true", "provisioner.existingTemplates=plans")


def test_a_policy_cannot_deny_and_warn() -> None:
    with pytest.raises(Refused, match="must not hold Deny and Warn together"):
        objects("admissionPolicies.crdGuard.actions={Deny,Warn}", DATABASE)
