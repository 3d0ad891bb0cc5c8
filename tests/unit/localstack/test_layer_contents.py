"""The layer: what runs, and the licences of it."""

import pytest

from localstack.layer_contents import kept


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("boto3/session.py", "boto3/session.py"),
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", "botocore/data/dynamodb/2012-08-10/service-2.json.gz"),
        ("botocore/data/sts/2011-06-15/service-2.json.gz", "botocore/data/sts/2011-06-15/service-2.json.gz"),
        ("botocore/data/endpoints.json", "botocore/data/endpoints.json"),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", None),
        ("boto3/data/dynamodb/2012-08-10/resources-1.json", "boto3/data/dynamodb/2012-08-10/resources-1.json"),
        ("boto3/data/ec2/2016-11-15/resources-1.json", None),
        ("boto3/examples/cloudfront.rst", None),
        ("botocore/data/dynamodb/2012-08-10/examples-1.json", None),
        ("tzdata/zoneinfo/Europe/Berlin", "tzdata/zoneinfo/Europe/Berlin"),
        ("cryptography/hazmat/bindings/_rust/__init__.pyi", None),
        ("pydantic/tests/test_it.py", None),
        ("pydantic/testsuite.py", "pydantic/testsuite.py"),
        ("bin/jp.py", None),
        ("pydantic-2.14.3.dist-info/METADATA", None),
        ("pydantic-2.14.3.dist-info/entry_points.txt", None),
        ("pydantic-2.14.3.dist-info/licenses/LICENSE", "licenses/pydantic/licenses/LICENSE"),
        ("python_dateutil-2.9.0.post0.dist-info/LICENSE", "licenses/python_dateutil/LICENSE"),
        ("botocore-1.44.5.dist-info/NOTICE", "licenses/botocore/NOTICE"),
    ],
)
def test_what_runs_stays_where_it_is(name: str, path: str | None) -> None:
    """Licences stay, as they ask to be passed on."""
    assert kept([name]) == ({name: path} if path else {})
