// Looks again while the chosen contacts are being counted, or a platform is being compared.
"use strict";

setTimeout(() => location.reload(), 2000);
