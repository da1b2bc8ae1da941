// Takes over at once and caches nothing: a stand-in must always show what is deployed now.
addEventListener('install', () => self.skipWaiting());
addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
