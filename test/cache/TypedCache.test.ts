import { contract } from "../suites/TypedCacheSuite.js"
import { onEveryLayer } from "../support/server/clientLayers.js"

onEveryLayer(contract)
