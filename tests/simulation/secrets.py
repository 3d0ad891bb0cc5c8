"""The simulated deployment's secret."""

import base64
from typing import Final

from whendue.support.secret import Secret
from whendue.table.ids import Ids

SECRET: Final = base64.b64encode(bytes(48)).decode()
DEPLOYMENT: Final = Secret.read(SECRET)
IDS: Final = Ids(DEPLOYMENT.id_key)
