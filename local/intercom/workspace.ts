/** The demo tenant's Intercom workspace. None of these values is a secret of anything real. */
export const demoIntercom = {
  appId: 'nl0rd1ch',
  clientSecret: 'demo-intercom-client-secret',
  accessToken: 'demo-intercom-access-token',
  appPackageCode: 'deskhand-nordlicht',
  supportAddress: 'support@nordlicht.example',
  teamId: '5500',
  /** The first is Deskhand. */
  admins: [
    { id: '991234', name: 'Nora from Nordlicht', email: 'deskhand@nordlicht.example' },
    { id: '991235', name: 'Petra Lind', email: 'petra@nordlicht.example' },
  ],
}
