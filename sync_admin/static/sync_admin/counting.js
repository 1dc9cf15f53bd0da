// Looks again while the chosen contacts are being counted.
"use strict";

setTimeout(() => location.reload(), 2000);
