import { App } from 'aws-cdk-lib'
import { deskhandApp } from '../lib/deskhand-app.ts'

deskhandApp(new App())
