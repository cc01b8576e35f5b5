"""What the tests of kafka-python need besides themselves: modules that their package leaves out, and topics with as many replicas as TEST_REPLICAS says."""

import os
import sys
import types


class ExternalService:
    """A broker that runs already."""

    def __init__(self, host, port):
        self.host = host
        self.port = port

    def open(self):
        pass

    def stop(self):
        pass

    def dump_logs(self):
        pass


class SpawnedService:
    def __init__(self, *args, **kwargs):
        raise RuntimeError("the brokers run already")


# Without this Python's own tests would be found, which are a package of this name too.
tests = types.ModuleType("test")
tests.__path__ = [os.path.abspath("test")]
sys.modules["test"] = tests
service = types.ModuleType("test.service")
service.ExternalService = ExternalService
service.SpawnedService = SpawnedService
sys.modules["test.service"] = service


def pytest_collection_modifyitems(items):
    from test.integration import fixtures

    made = fixtures.KafkaFixture.__init__

    def init(self, *args, **kwargs):
        made(self, *args, **{**kwargs, "replicas": int(os.environ["TEST_REPLICAS"])})

    fixtures.KafkaFixture.__init__ = init
